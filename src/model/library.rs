//! Finds models by module name among the files of `models/` and those loaded by `.hdl`.
