"""The two phases align and locate: data, batches, step, schedule, seed, checkpoint, and the tokenizer."""
