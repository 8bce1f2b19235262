//! Keeps the library loaded for good: helper threads may outlive the objects that have started them.
//!
//! On Linux the linker's `-z nodelete` does it (`build.rs`).

/// Makes the host's unloading of this library do nothing.
#[cfg(not(windows))]
pub(super) const fn keep_loaded() {}

/// Makes the host's unloading of this library do nothing.
#[cfg(windows)]
pub(super) fn keep_loaded() {
    use std::sync::Once;

    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let mut module = std::ptr::null_mut();
        // SAFETY: the address is one of this library, and the place for the answer is writable.
        let is_done = unsafe {
            GetModuleHandleExW(
                FROM_ADDRESS | PIN,
                (keep_loaded as fn() as *const ()).cast(),
                &raw mut module,
            )
        };
        if is_done == 0 {
            log::warn!("the library cannot be kept loaded");
        }
    });
}

#[cfg(windows)]
#[link(name = "kernel32")]
unsafe extern "system" {
    fn GetModuleHandleExW(
        flags: u32,
        address: *const u16,
        module: *mut *mut std::ffi::c_void,
    ) -> i32;
}

#[cfg(windows)]
const PIN: u32 = 1;
#[cfg(windows)]
const FROM_ADDRESS: u32 = 4;
