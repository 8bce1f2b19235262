//! Panics: none reaches the host, and no object goes on after one.

use std::fs;
use std::path::Path;
use std::ptr;
use std::sync::atomic::Ordering;

use super::host::{Item, Object, name};
use crate::native_api::exports::{self, PANICS};

/// one panic in each of the 21 functions of the tables
#[test]
fn a_panic_in_any_function_breaks_the_object_and_not_the_host() {
    type Slot = fn(&Object);
    let slots: [Slot; 18] = [
        |object| assert!(!object.init()),
        |object| assert!(!object.set_memory()),
        |object| assert_eq!(object.info(), 2000),
        |object| assert_eq!(object.class_name(), None),
        |object| assert_eq!(object.counts(), (0, 0)),
        |object| assert_eq!(object.find_property("LastError"), -1),
        |object| assert_eq!(object.property_name(0, 0), None),
        |object| assert_eq!(object.property(0), None),
        |object| assert!(!object.set_property(1, &Item::Boolean(true))),
        |object| assert_eq!(object.property_access(1), (false, false)),
        |object| assert_eq!(object.find_method("Version"), -1),
        |object| assert_eq!(object.method_name(0, 0), None),
        |object| assert_eq!(object.parameter_count(0), 0),
        |object| assert_eq!(object.parameter_default(0, 0), None),
        |object| assert!(!object.has_result(0)),
        |object| assert_eq!(object.call_raw(0, &mut []), None),
        |object| assert!(!object.run("Version", &[])),
        |object| object.set_languages(),
    ];
    for slot in slots {
        let object = Object::new("Client");
        let inner = object.header().inner().expect("alive");
        inner.addin.panics.store(true, Ordering::SeqCst);
        slot(&object);
        inner.addin.panics.store(false, Ordering::SeqCst);
        drop(inner);
        let result = object.json("GetLog", &[]);
        assert_eq!(
            result["errorCode"], "internal",
            "the answer after a panic: {result}"
        );
        let error = result["error"].as_str().expect("a text");
        assert!(error.contains("a test wants this"), "{error}");
        let last_error = object.find_property("LastError");
        assert_eq!(object.property(last_error), Some(Item::Text(error.into())));
    }
}

/// and one inside a method: the host gets a result that says so, and from then on no other
#[test]
fn a_panic_inside_a_method_is_its_result() {
    let object = Object::new("Client");
    let inner = object.header().inner().expect("alive");
    inner.addin.method_panics.store(true, Ordering::SeqCst);
    let told = object.json("GetLog", &[]);
    inner.addin.method_panics.store(false, Ordering::SeqCst);
    let later = object.json("GetLog", &[]);
    for (result, which) in [(told, "the call that panics"), (later, "the next one")] {
        assert_eq!(
            result["errorCode"], "internal",
            "the answer of {which}: {result}"
        );
    }
}

/// neither `Done` nor a destructor lets a panic through, and the object does nothing more
#[test]
fn a_panic_at_the_end_of_an_object_is_no_panic_of_the_host() {
    let ends: [fn(&Object); 3] = [
        |object| {
            object.done();
            let inner = object.header().inner().expect("not freed");
            inner.addin.panics.store(false, Ordering::SeqCst);
            drop(inner);
            let result = object.json("GetLog", &[]);
            assert_eq!(
                result["errorCode"], "internal",
                "the answer after a panic in Done: {result}"
            );
            assert_eq!(object.destroy(), 0);
        },
        |object| assert_eq!(object.destroy(), -1),
        |object| {
            #[cfg(not(windows))]
            object.delete(0);
            #[cfg(windows)]
            object.destroy();
        },
    ];
    for end in ends {
        let object = Object::new("Client");
        let inner = object.header().inner().expect("alive");
        inner.addin.panics.store(true, Ordering::SeqCst);
        drop(inner);
        end(&object);
        assert_ne!(object.destroy(), 0, "it was ended");
        assert_eq!(object.call_raw(0, &mut []), None);
    }
}

/// a panic in each of the five exports is the answer that says no
#[test]
fn a_panic_in_any_export_is_an_answer() {
    let object = Object::new("Client");
    let class = name("Client");
    let mut made = ptr::null_mut();
    let mut none = ptr::null_mut();
    PANICS.set(true);
    // SAFETY: these take nothing that could be wrong, and write where there is place.
    let answers = unsafe {
        (
            exports::GetClassNames().is_null(),
            exports::GetClassObject(class.as_ptr(), &raw mut made),
            exports::DestroyObject(&raw mut none),
            exports::SetPlatformCapabilities(3),
            exports::GetAttachType(),
        )
    };
    PANICS.set(false);
    assert_eq!(
        answers,
        (true, 0, -1, -1, 1),
        "what the five exports answer"
    );
    assert!(made.is_null());
    assert!(object.call("Version", &[]).is_some());
    assert_eq!(object.destroy(), 0);
}

/// what has another calling convention than Rust's is made by the macros of `entry.rs`, or ends an object; the
/// macros are used for as many functions as the tests above let panic
#[test]
fn every_function_of_the_host_runs_inside_the_boundary() {
    let mut found = Found::default();
    visit(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut found,
    );
    // Two macros, Done, two destructors, and the macro of the third; and the macro of the exports gives them their names.
    let expected = [("entry.rs", 6)].map(|(file, count)| (file.to_owned(), count));
    assert_eq!(found.foreign, expected, "functions of another convention");
    assert_eq!(found.exported, ["entry.rs"], "names that are exported");
    assert_eq!(
        (found.entries, found.exports),
        (21, 5),
        "functions that the tests let panic, and uses of the macros"
    );
}

#[derive(Default)]
struct Found {
    /// Functions that are not Rust's by file.
    foreign: Vec<(String, usize)>,
    /// Where a name is exported.
    exported: Vec<String>,
    entries: usize,
    exports: usize,
}

fn visit(folder: &Path, found: &mut Found) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            if !path.ends_with("tests") {
                visit(&path, found);
            }
            continue;
        }
        let text = fs::read_to_string(&path).expect("a file");
        let file = || path.file_name().expect("a name").to_string_lossy();
        let lines = || text.lines().map(str::trim);
        let foreign = lines().filter(|line| line.contains("extern ") && line.contains(" fn "));
        let foreign = foreign.filter(|line| !line.starts_with("//")).count();
        if foreign > 0 {
            found.foreign.push((file().into(), foreign));
        }
        let exported = lines().filter(|line| {
            line.starts_with("#[") && (line.contains("no_mangle") || line.contains("export_name"))
        });
        found.exported.extend(exported.map(|_| file().into()));
        found.entries += lines().filter(|line| *line == "entry! {").count();
        found.exports += lines().filter(|line| *line == "export! {").count();
    }
}

/// with `panic = "abort"` nothing could be caught; `lib.rs` does not build with it, and no profile asks for it
#[test]
fn no_profile_makes_a_panic_the_end_of_the_process() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let text = fs::read_to_string(manifest).expect("the workspace's manifest");
    let settings: Vec<_> = text
        .lines()
        .filter(|line| line.trim_start().starts_with("panic"))
        .filter(|line| !line.contains("\"unwind\""))
        .collect();
    assert_eq!(settings, [""; 0], "profiles without unwinding");
}
