"""The service over `inference`: HTTP and nothing else. No torch, no DVC, no pandas."""
