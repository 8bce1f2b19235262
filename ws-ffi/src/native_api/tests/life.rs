//! Beginning, end, panics, and calls that come too late.

use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::host::{Item, Object};

#[test]
fn init_and_memory_manager_come_in_either_order_or_not_at_all() {
    let first = Object::bare("Client");
    assert_eq!(first.method_name(0, 0), None);
    assert_eq!(first.call("Version", &[]), None);
    assert!(first.set_memory());
    assert!(first.call("Version", &[]).is_some());
    assert!(first.init());
    let second = Object::bare("Server");
    assert!(second.init());
    assert!(second.set_memory());
    assert!(second.call("Version", &[]).is_some());
}

#[test]
fn after_its_end_an_object_refuses_everything() {
    let object = Object::new("Client");
    object.done();
    refuses(&object);
    object.done();
    assert_eq!(object.destroy(), 0);
    refuses(&object);
    assert_ne!(object.destroy(), 0);
    object.done();
}

#[cfg(not(windows))]
#[test]
fn cpp_can_delete_an_object_through_each_interface() {
    for base in 0..4 {
        let object = Object::new("Server");
        object.done();
        object.delete(base);
        refuses(&object);
        object.delete(base);
        assert_ne!(object.destroy(), 0);
    }
    let object = Object::new("Client");
    object.delete(0);
    refuses(&object);
}

fn refuses(object: &Object) {
    assert!(!object.init());
    assert!(!object.set_memory());
    assert_eq!(object.info(), 2000);
    assert_eq!(object.counts(), (0, 0));
    assert_eq!(object.find_method("Version"), -1);
    assert_eq!(object.method_name(0, 0), None);
    assert_eq!(object.call_raw(0, &mut []), None);
    assert_eq!(object.property(0), None);
    assert_eq!(object.class_name(), None);
}

///
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
        assert_eq!(result["errorCode"], "internal");
        let error = result["error"].as_str().expect("a text");
        assert!(error.contains("a test wants this"), "{error}");
        let last_error = object.find_property("LastError");
        assert_eq!(object.property(last_error), Some(Item::Text(error.into())));
    }
}

///
#[test]
fn a_panic_inside_a_method_is_its_result() {
    let object = Object::new("Client");
    let inner = object.header().inner().expect("alive");
    inner.addin.method_panics.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        assert_eq!(object.json("GetLog", &[])["errorCode"], "internal");
    }
}

/// whatever the host calls is made by the macros of `entry.rs`, or ends an object
#[test]
fn every_function_of_the_host_runs_inside_the_boundary() {
    fn visit(folder: &Path, found: &mut Vec<(String, usize)>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                if !path.ends_with("tests") {
                    visit(&path, found);
                }
            } else {
                let text = fs::read_to_string(&path).expect("a file");
                let count = text
                    .lines()
                    .filter(|line| {
                        let line = line.trim();
                        line.contains("extern ") && line.contains(" fn ") && line.contains("unsafe")
                    })
                    .count();
                if count > 0 {
                    found.push((
                        path.file_name().expect("a name").to_string_lossy().into(),
                        count,
                    ));
                }
            }
        }
    }
    let mut found = Vec::new();
    visit(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut found,
    );
    // Two macros, Done, two destructors, and the macro of the third.
    assert_eq!(found, [(String::from("entry.rs"), 6)]);
}

///
#[test]
fn the_end_of_an_object_ends_its_waiting_call() {
    for is_deleted in [false, true] {
        let server = Object::new("Server");
        let port = super::messages::start(&server);
        let client = super::messages::connect(port);
        thread::scope(|scope| {
            let waits = scope.spawn(|| {
                let began = Instant::now();
                let result = client.call("GetMessage", &[Item::I4(60_000)]);
                (result, began.elapsed())
            });
            let deadline = Instant::now() + Duration::from_secs(10);
            while client
                .header()
                .inner()
                .is_some_and(|inner| inner.calls.inside() == 0)
            {
                assert!(Instant::now() < deadline, "the call does not begin");
                thread::yield_now();
            }
            let began = Instant::now();
            if is_deleted {
                #[cfg(not(windows))]
                client.delete(0);
                #[cfg(windows)]
                client.destroy();
            } else {
                client.done();
            }
            assert!(
                began.elapsed() < Duration::from_secs(3),
                "{:?}",
                began.elapsed()
            );
            let (result, took) = waits.join().expect("no panic");
            // Nothing, unless the end of the connection could still be told.
            if let Some(Item::Text(text)) = result {
                assert!(text.contains("\"errorCode\":\"closed\""), "{text}");
            }
            assert!(took < Duration::from_secs(10), "{took:?}");
        });
    }
}

///
#[test]
fn calls_that_race_with_the_end_are_refused_or_done() {
    let rounds = 300;
    for round in 0..rounds {
        let object = Object::new(if round % 2 == 0 { "Client" } else { "Server" });
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let _ = object.call_raw(0, &mut []);
                        let _ = object.method_name(0, 0);
                    }
                });
            }
            scope.spawn(|| assert_eq!(object.destroy(), 0));
        });
    }
}
