//! Verilog-A text to models: lexed, preprocessed, parsed with recovery, checked, lowered to `ir`.
