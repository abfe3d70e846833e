//! (see the module name)
