"""hilum: find earlier chest X-rays with the same finding in the same anatomical region."""
