"""Any number of images through one model: chunk by chunk, resumable, on this machine or on a cluster."""
