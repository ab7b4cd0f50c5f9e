"""One function per user task: the public interface."""
