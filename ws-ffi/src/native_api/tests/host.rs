//! A host: it calls through the tables as C++ would, counts its memory, and keeps what it is told.

use std::ffi::{c_long, c_void};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::platform::{self, CONNECTION, Connection, MEMORY, Memory, MemoryState, Told};
use crate::native_api::component::Header;
use crate::native_api::connection::RawConnection;
use crate::native_api::exports::{self, DestroyObject, GetClassObject};
use crate::native_api::layout::{Bytes, Payload, RawVariant, Units, tag};
use crate::native_api::memory::RawMemory;
use crate::native_api::tables::{InitTable, LanguageTable, LocaleTable};

/// A value as a script has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    Undefined,
    Boolean(bool),
    I4(i32),
    R8(f64),
    Text(String),
    Binary(Vec<u8>),
}

/// A script's object, and the host around it.
pub(super) struct Object {
    this: *mut c_void,
    memory: NonNull<Memory>,
    connection: NonNull<Connection>,
    is_over: AtomicBool,
}

// SAFETY: the add-in's object may be used by any thread, and the host's parts have locks.
unsafe impl Send for Object {}
// SAFETY: as above.
unsafe impl Sync for Object {}

impl Object {
    /// An object with everything that a host gives.
    pub(super) fn new(class: &str) -> Self {
        // As 1C does, once it has loaded the library.
        // SAFETY: it takes a number alone.
        unsafe { exports::SetPlatformCapabilities(3) };
        let object = Self::bare(class);
        assert!(object.init());
        assert!(object.set_memory());
        object
    }

    /// An object before `Init` and `setMemManager`.
    pub(super) fn bare(class: &str) -> Self {
        let mut this = ptr::null_mut();
        // SAFETY: the name ends with zero, and the place is writable.
        let made = unsafe { GetClassObject(name(class).as_ptr(), &raw mut this) };
        assert!(made != 0 && !this.is_null(), "{class}");
        let memory = Box::new(Memory {
            raw: RawMemory {
                vtable: &raw const MEMORY,
            },
            state: Mutex::default(),
        });
        let connection = Box::new(Connection {
            raw: RawConnection {
                vtable: &raw const CONNECTION,
            },
            told: Mutex::default(),
        });
        Self {
            this,
            memory: NonNull::from(Box::leak(memory)),
            connection: NonNull::from(Box::leak(connection)),
            is_over: AtomicBool::new(false),
        }
    }

    pub(super) fn init(&self) -> bool {
        // SAFETY: the table is the object's first.
        unsafe { (self.init_table().init)(self.this, self.connection.as_ptr().cast()) }
    }

    pub(super) fn set_memory(&self) -> bool {
        // SAFETY: the table is the object's first.
        unsafe { (self.init_table().set_memory_manager)(self.this, self.memory.as_ptr().cast()) }
    }

    pub(super) fn info(&self) -> c_long {
        // SAFETY: the table is the object's first.
        unsafe { (self.init_table().info)(self.this) }
    }

    pub(super) fn done(&self) {
        // SAFETY: the table is the object's first.
        unsafe { (self.init_table().done)(self.this) };
    }

    /// As 1C ends an object.
    pub(super) fn destroy(&self) -> c_long {
        self.is_over.store(true, Ordering::SeqCst);
        let mut this = self.this;
        // SAFETY: made by this library.
        let answer = unsafe { DestroyObject(&raw mut this) };
        assert!(this.is_null());
        answer
    }

    /// As OneScript ends an object: C++'s `delete` of the interface number `base`.
    #[cfg(not(windows))]
    pub(super) fn delete(&self, base: usize) {
        self.is_over.store(true, Ordering::SeqCst);
        // SAFETY: every table begins with the destructors.
        unsafe {
            let this = self.word(base);
            let table = *this.cast::<*const crate::native_api::tables::Destructors>();
            ((*table).deleting)(this);
        }
    }

    pub(super) fn header(&self) -> &Header {
        // SAFETY: made by this library.
        unsafe { Header::of::<0>(self.this) }.expect("an object")
    }

    /// Blocks of the host's memory that were not freed.
    pub(super) fn blocks(&self) -> usize {
        self.state().lock().blocks.len()
    }

    /// Makes the allocation number `at`, from 0, fail.
    pub(super) fn fail_in(&self, at: usize) {
        let mut state = self.state().lock();
        state.fails_in = Some(at);
        state.has_failed = false;
    }

    pub(super) fn has_failed(&self) -> bool {
        self.state().lock().has_failed
    }

    /// The most bytes of the host's memory that were asked for at once.
    #[cfg(target_pointer_width = "64")]
    pub(super) fn largest_block(&self) -> usize {
        self.state().lock().largest
    }

    pub(super) fn told(&self) -> Told {
        // SAFETY: leaked, and so alive.
        unsafe { self.connection.as_ref() }.told.lock().clone()
    }

    pub(super) fn class_name(&self) -> Option<String> {
        let mut text = ptr::null_mut();
        // SAFETY: the table is the object's second, and the place is writable.
        let is_done =
            unsafe { (self.language().register_extension_as)(self.second(), &raw mut text) };
        is_done.then(|| self.take_name(text)).flatten()
    }

    pub(super) fn find_method(&self, method: &str) -> c_long {
        // SAFETY: the table is the object's second, and the name ends with zero.
        unsafe { (self.language().find_method)(self.second(), name(method).as_ptr()) }
    }

    pub(super) fn find_property(&self, property: &str) -> c_long {
        // SAFETY: as above.
        unsafe { (self.language().find_property)(self.second(), name(property).as_ptr()) }
    }

    pub(super) fn method_name(&self, number: c_long, alias: c_long) -> Option<String> {
        // SAFETY: the table is the object's second.
        let text = unsafe { (self.language().method_name)(self.second(), number, alias) };
        self.take_name(text.cast_mut())
    }

    pub(super) fn property_name(&self, number: c_long, alias: c_long) -> Option<String> {
        // SAFETY: the table is the object's second.
        let text = unsafe { (self.language().property_name)(self.second(), number, alias) };
        self.take_name(text.cast_mut())
    }

    /// How many methods and properties there are.
    pub(super) fn counts(&self) -> (c_long, c_long) {
        // SAFETY: the table is the object's second.
        let methods = unsafe { (self.language().method_count)(self.second()) };
        // SAFETY: as above.
        let properties = unsafe { (self.language().property_count)(self.second()) };
        (methods, properties)
    }

    pub(super) fn parameter_count(&self, method: c_long) -> c_long {
        // SAFETY: the table is the object's second.
        unsafe { (self.language().parameter_count)(self.second(), method) }
    }

    pub(super) fn has_result(&self, method: c_long) -> bool {
        // SAFETY: the table is the object's second.
        unsafe { (self.language().has_result)(self.second(), method) }
    }

    pub(super) fn parameter_default(&self, method: c_long, parameter: c_long) -> Option<Item> {
        let mut value = garbage();
        // SAFETY: the table is the object's second, and the place is writable.
        let is_done = unsafe {
            (self.language().parameter_default)(self.second(), method, parameter, &raw mut value)
        };
        is_done.then(|| self.take(&value))
    }

    pub(super) fn property(&self, property: c_long) -> Option<Item> {
        let mut value = garbage();
        // SAFETY: the table is the object's second, and the place is writable.
        let is_done =
            unsafe { (self.language().property)(self.second(), property, &raw mut value) };
        is_done.then(|| self.take(&value))
    }

    pub(super) fn set_property(&self, property: c_long, value: &Item) -> bool {
        let mut text = Vec::new();
        let mut raw = raw(value, &mut text);
        // SAFETY: the table is the object's second, and the value lives.
        unsafe { (self.language().set_property)(self.second(), property, &raw mut raw) }
    }

    /// Whether a property can be read, and written.
    pub(super) fn property_access(&self, property: c_long) -> (bool, bool) {
        // SAFETY: the table is the object's second.
        let readable = unsafe { (self.language().is_property_readable)(self.second(), property) };
        // SAFETY: as above.
        let writable = unsafe { (self.language().is_property_writable)(self.second(), property) };
        (readable, writable)
    }

    pub(super) fn set_languages(&self) {
        for base in [2, 3] {
            // SAFETY: the third and the fourth table have one form.
            unsafe {
                let this = self.word(base);
                let table = *this.cast::<*const LocaleTable>();
                ((*table).set)(this, name("ru_RU").as_ptr());
            }
        }
    }

    /// Calls a method as a function; `None` if the call fails.
    pub(super) fn call(&self, method: &str, arguments: &[Item]) -> Option<Item> {
        let number = self.find_method(method);
        assert!(number >= 0, "{method}");
        let mut texts: Vec<_> = arguments.iter().map(|_| Vec::new()).collect();
        let mut raw: Vec<_> = arguments
            .iter()
            .zip(&mut texts)
            .map(|(item, text)| raw(item, text))
            .collect();
        self.call_raw(number, &mut raw)
    }

    /// Calls a method as a function with variants as they are.
    pub(super) fn call_raw(&self, method: c_long, arguments: &mut [RawVariant]) -> Option<Item> {
        let mut result = garbage();
        let length = c_long::try_from(arguments.len()).expect("few");
        let array = if arguments.is_empty() {
            ptr::null_mut()
        } else {
            arguments.as_mut_ptr()
        };
        // SAFETY: the table is the object's second, and everything lives during the call.
        let is_done = unsafe {
            (self.language().call_as_function)(
                self.second(),
                method,
                &raw mut result,
                array,
                length,
            )
        };
        is_done.then(|| self.take(&result))
    }

    /// Calls a method as a procedure.
    pub(super) fn run(&self, method: &str, arguments: &[Item]) -> bool {
        let mut texts: Vec<_> = arguments.iter().map(|_| Vec::new()).collect();
        let mut raw: Vec<_> = arguments
            .iter()
            .zip(&mut texts)
            .map(|(item, text)| raw(item, text))
            .collect();
        let length = c_long::try_from(raw.len()).expect("few");
        // SAFETY: the table is the object's second, and everything lives during the call.
        unsafe {
            (self.language().call_as_procedure)(
                self.second(),
                self.find_method(method),
                raw.as_mut_ptr(),
                length,
            )
        }
    }

    /// A method's result, which is JSON.
    pub(super) fn json(&self, method: &str, arguments: &[Item]) -> serde_json::Value {
        match self.call(method, arguments) {
            Some(Item::Text(text)) => serde_json::from_str(&text).expect("JSON"),
            other => panic!("{method}: {other:?}"),
        }
    }

    fn state(&self) -> &Mutex<MemoryState> {
        // SAFETY: lives as long as the object, and has a lock.
        &unsafe { self.memory.as_ref() }.state
    }

    fn word(&self, base: usize) -> *mut c_void {
        self.this.wrapping_byte_add(base * size_of::<usize>())
    }

    fn second(&self) -> *mut c_void {
        self.word(1)
    }

    fn init_table(&self) -> &InitTable {
        // SAFETY: an object begins with this table's address, also when it is over.
        unsafe { &**self.this.cast::<*const InitTable>() }
    }

    fn language(&self) -> &LanguageTable {
        // SAFETY: the second word is this table's address, also when it is over.
        unsafe { &**self.second().cast::<*const LanguageTable>() }
    }

    /// Reads a name and frees it.
    fn take_name(&self, text: *mut u16) -> Option<String> {
        NonNull::new(text)?;
        let mut units = Vec::new();
        // SAFETY: the add-in's names end with zero.
        while let unit @ 1.. = unsafe { *text.add(units.len()) } {
            units.push(unit);
        }
        self.release(text.cast());
        Some(String::from_utf16(&units).expect("UTF-16"))
    }

    /// Reads a value and frees its text or bytes.
    fn take(&self, value: &RawVariant) -> Item {
        // SAFETY: the add-in has set the field that the tag names.
        unsafe {
            match value.tag {
                tag::EMPTY => Item::Undefined,
                tag::BOOL => Item::Boolean(value.payload.boolean != 0),
                tag::I4 => Item::I4(value.payload.i4),
                tag::R8 => Item::R8(value.payload.r8),
                tag::PWSTR => {
                    let Units { pointer, length } = value.payload.units;
                    let units = std::slice::from_raw_parts(pointer, length as usize);
                    let text = String::from_utf16(units).expect("UTF-16");
                    self.release(pointer.cast());
                    Item::Text(text)
                }
                tag::BLOB => {
                    let Bytes { pointer, length } = value.payload.bytes;
                    let data = std::slice::from_raw_parts(pointer, length as usize).to_vec();
                    self.release(pointer.cast());
                    Item::Binary(data)
                }
                other => panic!("tag {other}"),
            }
        }
    }

    fn release(&self, mut block: *mut c_void) {
        // SAFETY: the host's own memory manager.
        unsafe { platform::free(self.memory.as_ptr().cast(), &raw mut block) };
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        if !self.is_over.load(Ordering::SeqCst) {
            assert_eq!(self.destroy(), 0);
        }
        assert_eq!(self.blocks(), 0, "blocks that were not freed");
        // SAFETY: made by Box, and the add-in has given them back.
        unsafe {
            drop(Box::from_raw(self.memory.as_ptr()));
            drop(Box::from_raw(self.connection.as_ptr()));
        }
    }
}

/// `item` as a host passes it; `text` holds its text.
pub(super) fn raw(item: &Item, text: &mut Vec<u16>) -> RawVariant {
    let (tag, payload) = match item {
        Item::Undefined => return RawVariant::EMPTY,
        Item::Boolean(value) => (
            tag::BOOL,
            Payload {
                boolean: u8::from(*value),
            },
        ),
        Item::I4(i4) => (tag::I4, Payload { i4: *i4 }),
        Item::R8(r8) => (tag::R8, Payload { r8: *r8 }),
        Item::Text(string) => {
            *text = string.encode_utf16().collect();
            let units = Units {
                pointer: text.as_mut_ptr(),
                length: text.len().try_into().expect("short"),
            };
            (tag::PWSTR, Payload { units })
        }
        Item::Binary(data) => {
            let bytes = Bytes {
                pointer: data.as_ptr().cast_mut(),
                length: data.len().try_into().expect("short"),
            };
            (tag::BLOB, Payload { bytes })
        }
    };
    RawVariant {
        payload,
        tag,
        ..RawVariant::EMPTY
    }
}

/// What lies where a host wants a result.
fn garbage() -> RawVariant {
    RawVariant {
        payload: Payload {
            ui8: 0xDEAD_BEEF_DEAD_BEEF,
        },
        elements: 0x5555_5555,
        tag: 0x5555,
    }
}

pub(super) fn name(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}
