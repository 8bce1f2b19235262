//! How the add-in is linked.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        // A host that unloads the library must not take the code from under a helper thread that outlives its object.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
