"""The desk's HTTP beside Streamlit: the gate before every request, signing in, displays, and pages that are not Streamlit's."""
