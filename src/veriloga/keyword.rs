//! Words of the language: those that cannot be names, those at which recovery stops, those that belong to the digital half.
//!
//! The LRM reserves many more (annex B). Published models use some of them as names, and nothing is gained by refusing that,
//! so that only words which begin or close something are kept from being names.

/// Words that cannot be names.
pub const RESERVED: [&str; 50] = [
    "aliasparam",
    "always",
    "analog",
    "assign",
    "begin",
    "branch",
    "case",
    "casex",
    "casez",
    "default",
    "defparam",
    "disable",
    "discipline",
    "else",
    "end",
    "endcase",
    "enddiscipline",
    "endfunction",
    "endgenerate",
    "endmodule",
    "endnature",
    "endparamset",
    "exclude",
    "for",
    "forever",
    "from",
    "function",
    "generate",
    "genvar",
    "ground",
    "if",
    "inf",
    "initial",
    "inout",
    "input",
    "integer",
    "localparam",
    "macromodule",
    "module",
    "nature",
    "or",
    "output",
    "parameter",
    "paramset",
    "real",
    "reg",
    "repeat",
    "string",
    "while",
    "wire",
];

/// Words at which recovery stops: whoever opened what they close goes on there.
pub const CLOSING: [&str; 15] = [
    "end",
    "endmodule",
    "endfunction",
    "endcase",
    "endnature",
    "enddiscipline",
    "endgenerate",
    "endparamset",
    "module",
    "macromodule",
    "paramset",
    "analog",
    "nature",
    "discipline",
    "else",
];

/// True if `word` cannot be a name.
pub fn is_reserved(word: &str) -> bool {
    RESERVED.binary_search(&word).is_ok()
}
