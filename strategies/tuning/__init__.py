"""Fine-tuning as a service: training files are uploaded, a job trains a hosted model on them, and the tuned model is
asked at the same server."""
