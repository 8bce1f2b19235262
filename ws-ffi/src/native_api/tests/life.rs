//! Beginning, end, and calls that come too late.

use std::sync::atomic::{AtomicBool, Ordering};
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
    assert!(!object.init(), "Init of an object that has ended");
    assert!(!object.set_memory());
    assert_eq!(object.info(), 2000);
    assert_eq!(object.counts(), (0, 0));
    assert_eq!(object.find_method("Version"), -1);
    assert_eq!(object.method_name(0, 0), None);
    assert_eq!(object.call_raw(0, &mut []), None);
    assert_eq!(object.property(0), None);
    assert_eq!(object.class_name(), None);
}

/// the call of an object that ends returns; how soon at most 10,000 races in the C++ host measure
#[test]
fn the_end_of_an_object_ends_its_waiting_call() {
    /// What the end may take, and no machine is too slow for.
    const AT_MOST: Duration = Duration::from_secs(2);
    for round in 0..20 {
        let is_deleted = round % 2 == 1;
        let server = Object::new("Server");
        let port = super::messages::start(&server);
        let client = super::messages::connect(port);
        thread::scope(|scope| {
            let waits = scope.spawn(|| {
                let result = client.call("GetMessage", &[Item::I4(15_000)]);
                (result, Instant::now())
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
            // The end meets the call on its way to the wait at first, and in it later.
            for _ in 0..50 * round {
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
            let end_took = began.elapsed();
            let (result, returned) = waits.join().expect("no panic");
            let call_took = returned.saturating_duration_since(began);
            assert!(
                call_took <= AT_MOST,
                "the call returned {call_took:?} after the end of its object had begun, more than {AT_MOST:?}"
            );
            assert!(
                end_took <= AT_MOST,
                "the end of the object took {end_took:?}, more than {AT_MOST:?}"
            );
            // Nothing, unless the end of the connection could still be told.
            if let Some(Item::Text(text)) = result {
                assert!(text.contains("\"errorCode\":\"closed\""), "{text}");
            }
        });
    }
}

/// in this host 300 times, in the C++ host as often as it is asked for
#[test]
fn calls_that_race_with_the_end_are_refused_or_done() {
    let rounds = 300;
    for round in 0..rounds {
        let object = Object::new(if round % 2 == 0 { "Client" } else { "Server" });
        let has_ended = AtomicBool::new(false);
        let late = thread::scope(|scope| {
            let calls = [(); 3].map(|()| {
                scope.spawn(|| {
                    while !has_ended.load(Ordering::Acquire) {
                        let _ = object.counts();
                        let _ = object.call_raw(0, &mut []);
                        let _ = object.method_name(0, 0);
                    }
                    (object.counts(), object.call_raw(0, &mut []))
                })
            });
            if round % 4 < 2 {
                assert_eq!(object.destroy(), 0);
            } else {
                object.done();
            }
            has_ended.store(true, Ordering::Release);
            calls.map(|call| call.join().expect("no panic"))
        });
        let refused = ((0, 0), None);
        assert_eq!(
            late,
            [(); 3].map(|()| refused.clone()),
            "the answers to calls that came after the end, in round {round}"
        );
    }
}
