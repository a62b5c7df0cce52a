"""The desk's HTTP beside Streamlit: the gate before every request, signing in, and Streamlit's page dressed."""
