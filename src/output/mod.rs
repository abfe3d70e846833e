//! Output formats: each is one file, a `Sink`, and one row of the table.
