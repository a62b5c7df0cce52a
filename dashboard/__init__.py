"""The desk 智管台: the supervision plane on Streamlit, with sign-in, feeds, exports and the wall."""
