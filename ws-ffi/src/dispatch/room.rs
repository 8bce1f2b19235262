//! Memory for what a host wants to send, looked for before anything is copied.
//!
//! An allocation that fails ends the process, which is the host. A host sends what it likes, on 32 bits too, where 1C has
//! little room left; so a large message is refused where its copies would find none. Another thread may take the memory
//! in between: this makes the end of the host unlikely, not impossible.

use crate::error::Failure;

/// Refuses a message of so many bytes if there is no memory for the copies that sending makes of it.
pub(super) fn check_room(function: &str, bytes: usize) -> Result<(), Failure> {
    if bytes < LARGE_BYTES {
        return Ok(());
    }
    let mut copies = [const { Vec::<u8>::new() }; COPIES];
    let has_room = copies.iter_mut().all(|copy| {
        copy.try_reserve_exact(bytes.saturating_add(LARGE_BYTES))
            .is_ok()
    });
    if has_room {
        return Ok(());
    }
    Err(Failure::new(
        "too_big",
        format!("{function}: no memory for a message of {bytes} bytes; send it in parts"),
    ))
}

/// Smaller ones are as any other work: without memory for them nothing works.
const LARGE_BYTES: usize = 1 << 20;
/// In the queue, as a frame, and encrypted.
const COPIES: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_memory_can_hold_is_refused() {
        assert!(check_room("SendData", 0).is_ok());
        assert!(check_room("SendData", 4 << 20).is_ok());
        for bytes in [usize::MAX, usize::MAX / 2 + 1] {
            let refused = check_room("SendData", bytes).unwrap_err().into_value();
            let word = refused.get("errorCode").and_then(|word| word.as_text());
            assert_eq!(word, Some("too_big"), "{refused:?}");
        }
    }
}
