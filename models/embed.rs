//! Makes cargo build again when a model is added: the models are part of the binary, and their folder is not a source file.

fn main() {
    println!("cargo::rerun-if-changed=models");
}
