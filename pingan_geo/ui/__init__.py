"""The Streamlit app: the only place for Streamlit."""
