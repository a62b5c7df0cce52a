"""Files and folders taken apart into records, in constant memory."""
