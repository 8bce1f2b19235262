//! What a connection's socket has not taken yet.

use std::{collections::VecDeque, io, sync::Arc};

use ws_core::PreparedFrame;

use crate::plain_answer::Body;

/// A connection's unsent bytes, in order: encoded frames, and frames shared with other connections.
#[derive(Debug, Default)]
pub(crate) struct SendQueue {
    chunks: VecDeque<Chunk>,
    /// Bytes of the first chunk that were sent.
    sent: usize,
    bytes: usize,
    /// Bytes of `chunks` up to the end of a pong; none if no pong waits.
    pong_bytes: usize,
    /// Bytes of buffers in `chunks` that are no part of what waits or was sent.
    unused: usize,
    /// A buffer that has become free.
    spent: Option<Vec<u8>>,
    /// What TLS made of the bytes before `chunks`; it goes out first.
    sealed: Vec<u8>,
    sealed_sent: usize,
    /// What is read, piece by piece, when everything before it is sent: the body of a plain HTTP answer.
    body: Option<Box<Body>>,
    /// The tick at which the socket last took a byte, or the first one was queued.
    pub(crate) progress: u32,
}

#[derive(Debug)]
enum Chunk {
    /// Gathered here.
    Own(Vec<u8>),
    /// Gathered elsewhere; it begins at this place of the buffer.
    Moved(Vec<u8>, usize),
    Shared(Arc<PreparedFrame>),
    /// What belongs here is still lent to somebody else.
    Gap,
}

impl Chunk {
    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Moved(buffer, start) => &buffer[*start..],
            Self::Gap => &[],
            Self::Shared(frame) => frame.as_bytes(),
        }
    }
}

impl SendQueue {
    /// Returns how many bytes wait.
    pub(crate) fn len(&self) -> usize {
        self.bytes + self.sealed.len() - self.sealed_sent
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lets `encode` append to the last chunk.
    pub(crate) fn append<E>(
        &mut self,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        if !matches!(self.chunks.back(), Some(Chunk::Own(bytes)) if bytes.len() < CHUNK_BYTES) {
            self.chunks.push_back(Chunk::Own(Vec::new()));
        }
        let Some(Chunk::Own(bytes)) = self.chunks.back_mut() else {
            return Ok(());
        };
        let before = bytes.len();
        let result = encode(bytes);
        self.bytes += bytes.len() - before;
        if bytes.is_empty() {
            self.chunks.pop_back();
        }
        result
    }

    /// Notes that what was appended last is a pong.
    pub(crate) fn note_pong(&mut self) {
        self.pong_bytes = self.bytes;
    }

    /// Tells whether a pong waits.
    pub(crate) fn has_pong(&self) -> bool {
        self.pong_bytes > 0
    }

    /// Copies bytes behind what waits.
    pub(crate) fn copy(&mut self, bytes: &[u8]) {
        let copied: Result<(), std::convert::Infallible> = self.append(|output| {
            output.extend_from_slice(bytes);
            Ok(())
        });
        let Ok(()) = copied;
    }

    /// Takes what lies in a buffer from `start` on, behind what waits.
    pub(crate) fn push(&mut self, buffer: Vec<u8>, start: usize) {
        self.leave_gap(buffer.len() - start);
        self.fill_gap(buffer, start);
    }

    /// Leaves room for so many bytes, which must come before anything is sent: [`SendQueue::fill_gap`].
    pub(crate) fn leave_gap(&mut self, length: usize) {
        self.make_way();
        self.bytes += length;
        self.chunks.push_back(Chunk::Gap);
    }

    /// Takes what belongs where the gap was left: what lies in a buffer from `start` on.
    pub(crate) fn fill_gap(&mut self, buffer: Vec<u8>, start: usize) {
        let mut from_behind = self.chunks.iter_mut().rev();
        if let Some(gap) = from_behind.find(|chunk| matches!(chunk, Chunk::Gap)) {
            self.unused += buffer.capacity() - (buffer.len() - start);
            *gap = Chunk::Moved(buffer, start);
        }
    }

    /// The buffer that is kept for its next use would stand in front of a chunk, with nothing to send in it.
    fn make_way(&mut self) {
        if self.bytes == 0 {
            self.chunks.clear();
        }
    }

    /// Takes the buffer of a long message that has left.
    pub(crate) fn take_spent(&mut self) -> Option<Vec<u8>> {
        self.spent.take()
    }

    /// Returns the bytes of memory held: with what of a buffer is sent or was never used, as it is freed as a whole.
    pub(crate) fn held_bytes(&self) -> usize {
        let sent = match self.chunks.front() {
            Some(Chunk::Own(_) | Chunk::Moved(..)) => self.sent,
            _ => 0,
        };
        let body = self.body.as_ref().map_or(0, |body| body.held_bytes);
        self.len() + self.unused + sent + body
    }

    /// Takes a frame that other connections send too. Small ones are copied, since many go out in one call then.
    pub(crate) fn push_shared(&mut self, frame: &Arc<PreparedFrame>) {
        if frame.as_bytes().len() < SHARE_BYTES {
            self.copy(frame.as_bytes());
        } else {
            self.make_way();
            self.bytes += frame.as_bytes().len();
            self.chunks.push_back(Chunk::Shared(Arc::clone(frame)));
        }
    }

    /// Sends a body behind what waits.
    pub(crate) fn set_body(&mut self, body: Body) {
        self.body = (body.unread > 0).then(|| Box::new(body));
    }

    /// Reads the next piece of the body; whether there was one.
    pub(crate) fn refill(&mut self) -> io::Result<bool> {
        let Some(mut body) = self.body.take() else {
            return Ok(false);
        };
        self.append(|output| body.read_piece(output))?;
        self.body = (body.unread > 0).then_some(body);
        Ok(true)
    }

    /// Lends what was encrypted and is not sent, for more to be appended.
    pub(crate) fn sealed(&mut self) -> &mut Vec<u8> {
        &mut self.sealed
    }

    /// Lets TLS encrypt what is to be sent next, once everything encrypted before is sent.
    ///
    /// Invariant: afterwards [`SendQueue::front`] is encrypted, whatever `seal` does.
    pub(crate) fn seal(&mut self, mut seal: impl FnMut(&[u8], &mut Vec<u8>)) {
        while self.sealed.is_empty() && self.bytes > 0 {
            let Some(chunk) = self.chunks.front() else {
                return;
            };
            let rest = &chunk.as_bytes()[self.sent..];
            let count = rest.len().min(SEAL_BYTES);
            seal(&rest[..count], &mut self.sealed);
            self.advance_chunks(count);
        }
        if self.sealed.is_empty() {
            // All of it was dropped, and so would be what is read behind it.
            self.body = None;
        }
    }

    /// Lends what is to be sent next; empty if nothing is.
    pub(crate) fn front(&self) -> &[u8] {
        if !self.sealed.is_empty() {
            return &self.sealed[self.sealed_sent..];
        }
        self.chunks
            .front()
            .map_or(&[][..], |chunk| &chunk.as_bytes()[self.sent..])
    }

    /// Notes that the socket took `count` bytes of the front.
    pub(crate) fn advance(&mut self, count: usize) {
        if self.sealed.is_empty() {
            return self.advance_chunks(count);
        }
        self.sealed_sent += count;
        if self.sealed_sent == self.sealed.len() {
            self.clear_sealed();
        }
    }

    fn clear_sealed(&mut self) {
        self.sealed_sent = 0;
        self.sealed.clear();
        if self.sealed.capacity() > KEPT_SEALED_BYTES {
            self.sealed = Vec::new();
        }
    }

    fn advance_chunks(&mut self, count: usize) {
        self.sent += count;
        self.bytes -= count;
        self.pong_bytes = self.pong_bytes.saturating_sub(count);
        let Some(front) = self.chunks.front_mut() else {
            return;
        };
        if self.sent < front.as_bytes().len() {
            return;
        }
        self.sent = 0;
        match front {
            // The last buffer stays with the queue for its next use.
            Chunk::Own(bytes) if self.bytes == 0 && bytes.capacity() <= CHUNK_BYTES => {
                bytes.clear();
            }
            _ => {
                if let Some(Chunk::Moved(buffer, start)) = self.chunks.pop_front() {
                    self.unused -= buffer.capacity() - (buffer.len() - start);
                    self.spent = Some(buffer);
                }
            }
        }
    }

    /// Forgets everything, but for at most one buffer.
    pub(crate) fn clear(&mut self) {
        self.chunks.truncate(1);
        match self.chunks.front_mut() {
            Some(Chunk::Own(bytes)) if bytes.capacity() <= CHUNK_BYTES => bytes.clear(),
            _ => self.chunks.clear(),
        }
        self.sent = 0;
        self.bytes = 0;
        self.pong_bytes = 0;
        self.unused = 0;
        self.spent = None;
        self.body = None;
        self.clear_sealed();
    }
}

/// Empty queues kept for the next connection that needs one.
#[derive(Debug, Default)]
pub(crate) struct QueuePool {
    #[expect(
        clippy::vec_box,
        reason = "a slot holds its queue as a box; the boxes are what is kept"
    )]
    queues: Vec<Box<SendQueue>>,
}

impl QueuePool {
    pub(crate) fn take(&mut self, tick: u32) -> Box<SendQueue> {
        let mut queue = self.queues.pop().unwrap_or_default();
        queue.progress = tick;
        queue
    }

    pub(crate) fn give_back(&mut self, mut queue: Box<SendQueue>) {
        if self.queues.len() < POOLED_QUEUES {
            queue.clear();
            self.queues.push(queue);
        }
    }
}

/// A chunk of this many bytes or more is not appended to.
const CHUNK_BYTES: usize = 64 << 10;
/// A prepared frame of this many bytes or more is shared, not copied.
const SHARE_BYTES: usize = 16 << 10;
/// At most so many bytes are encrypted before the socket takes them: what waits stays shared as long as it can.
const SEAL_BYTES: usize = 64 << 10;
/// A buffer of encrypted bytes that grew beyond it is not kept.
const KEPT_SEALED_BYTES: usize = 96 << 10;
const POOLED_QUEUES: usize = 64;

#[cfg(test)]
mod tests {
    use ws_core::handshake::HttpAnswer;

    use super::*;
    use crate::PlainAnswer;

    fn drain(queue: &mut SendQueue, step: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while !queue.is_empty() {
            let count = step.min(queue.front().len());
            assert!(count > 0, "{} bytes wait, but none is lent", queue.len());
            out.extend_from_slice(&queue.front()[..count]);
            queue.advance(count);
        }
        assert_eq!(queue.front(), b"");
        out
    }

    #[test]
    fn bytes_leave_in_order_whatever_the_steps() {
        let big = Arc::new(PreparedFrame::binary(&vec![7; 20_000]));
        let small = Arc::new(PreparedFrame::text("small"));
        for step in [1, 13, 4096, usize::MAX] {
            let mut queue = SendQueue::default();
            let mut expected = Vec::new();
            for round in 0..3u8 {
                queue
                    .append(|v| {
                        v.extend_from_slice(&[round; 50_000]);
                        Ok::<_, ()>(())
                    })
                    .unwrap();
                expected.extend_from_slice(&[round; 50_000]);
                for frame in [&big, &small] {
                    queue.push_shared(frame);
                    expected.extend_from_slice(frame.as_bytes());
                }
                assert_eq!(queue.len(), expected.len());
            }
            assert_eq!(drain(&mut queue, step), expected);
        }
        assert_eq!(Arc::strong_count(&big), 1);
    }

    /// Encrypting is an exclusive or here.
    #[test]
    fn with_tls_nothing_leaves_that_is_not_sealed() {
        let big = Arc::new(PreparedFrame::binary(&vec![7; 200_000]));
        for step in [1, 1000, usize::MAX] {
            let mut queue = SendQueue::default();
            queue.sealed().extend_from_slice(&[1; 10]);
            let mut expected = [1; 10].to_vec();
            for round in 2..5u8 {
                queue
                    .append(|v| {
                        v.extend_from_slice(&[round; 70_000]);
                        Ok::<_, ()>(())
                    })
                    .unwrap();
                queue.push_shared(&big);
                let sealed = [&[round; 70_000][..], big.as_bytes()].concat();
                expected.extend(sealed.iter().map(|byte| byte ^ 0x55));
            }
            assert_eq!(queue.len(), expected.len());
            let mut out = Vec::new();
            while !queue.is_empty() {
                queue.seal(|plain, output| output.extend(plain.iter().map(|byte| byte ^ 0x55)));
                let count = step.min(queue.front().len());
                assert!(count > 0);
                out.extend_from_slice(&queue.front()[..count]);
                queue.advance(count);
            }
            assert!(out == expected);
        }
    }

    #[test]
    fn what_tls_refuses_to_seal_is_dropped_with_the_body_behind_it() {
        let answer = PlainAnswer::streamed(HttpAnswer::new(200, ""), 1 << 20, io::repeat(7));
        let mut queue = SendQueue::default();
        queue.push(vec![1; 300_000], 0);
        queue.set_body(answer.body.unwrap());
        queue.seal(|_, _| {});
        assert!(queue.is_empty());
        assert_eq!(queue.front(), b"");
        assert!(!queue.refill().unwrap(), "a piece of the body is read");
    }

    #[test]
    fn a_failed_encode_leaves_nothing() {
        let mut queue = SendQueue::default();
        assert_eq!(queue.append(|_| Err(5)), Err(5));
        assert!(queue.is_empty());
        queue.push(b"abcdef".to_vec(), 2);
        assert_eq!(queue.append(|_| Err(6)), Err(6));
        assert_eq!(drain(&mut queue, 3), b"cdef");
    }

    /// The buffer an emptied queue keeps must not stand in front of what comes next.
    #[test]
    fn a_shared_frame_goes_out_of_a_queue_used_before() {
        let big = Arc::new(PreparedFrame::binary(&[7; 30_000]));
        let mut queue = SendQueue::default();
        for _ in 0..2 {
            queue.push_shared(&Arc::new(PreparedFrame::text("small")));
            drain(&mut queue, usize::MAX);
            queue.push_shared(&big);
            assert_eq!(drain(&mut queue, usize::MAX), big.as_bytes());
        }
        let mut pool = QueuePool::default();
        queue.push_shared(&Arc::new(PreparedFrame::text("left over")));
        pool.give_back(Box::new(queue));
        let mut queue = pool.take(1);
        queue.push_shared(&big);
        assert_eq!(drain(&mut queue, usize::MAX), big.as_bytes());
    }

    #[test]
    fn a_pooled_queue_is_empty() {
        let mut pool = QueuePool::default();
        let mut queue = pool.take(1);
        queue.push_shared(&Arc::new(PreparedFrame::binary(&[1; 30_000])));
        queue.push_shared(&Arc::new(PreparedFrame::text("x")));
        pool.give_back(queue);
        let queue = pool.take(9);
        assert!(queue.is_empty());
        assert_eq!((queue.front(), queue.progress), (&b""[..], 9));
    }

    #[test]
    fn a_gap_is_filled_where_it_was_left() {
        for step in [1, 70_000, usize::MAX] {
            let mut queue = SendQueue::default();
            queue.copy(b"head");
            queue.leave_gap(100_000);
            queue.copy(b"behind");
            assert_eq!(queue.len(), 100_010);
            let buffer = [&[8; 510][..], &[7; 100_000]].concat();
            queue.fill_gap(buffer, 510);
            assert_eq!(queue.held_bytes(), 100_520);
            let expected = [&b"head"[..], &[7; 100_000], b"behind"].concat();
            assert!(drain(&mut queue, step) == expected);
        }
    }

    /// A buffer is held until its last byte has left, and then somebody else's.
    #[test]
    fn a_moved_buffer_counts_as_a_whole_until_it_is_sent() {
        let mut queue = SendQueue::default();
        let mut buffer = Vec::with_capacity(300_000);
        buffer.resize(200_000, 1);
        queue.push(buffer, 150_000);
        queue.copy(b"behind");
        assert_eq!((queue.len(), queue.held_bytes()), (50_006, 300_006));
        queue.advance(49_999);
        assert_eq!((queue.len(), queue.held_bytes()), (7, 300_006));
        assert_eq!(queue.take_spent(), None);
        queue.advance(1);
        assert_eq!((queue.len(), queue.held_bytes()), (6, 6));
        assert!(
            queue
                .take_spent()
                .is_some_and(|buffer| buffer.capacity() == 300_000)
        );
        queue.advance(6);
        assert_eq!((queue.len(), queue.held_bytes()), (0, 0));
    }

    #[test]
    fn what_was_gathered_here_counts_as_a_whole_until_it_is_sent() {
        let mut queue = SendQueue::default();
        queue
            .append(|v| {
                v.extend_from_slice(&[1; 4 << 20]);
                Ok::<_, ()>(())
            })
            .unwrap();
        queue.advance((4 << 20) - 1);
        assert!(
            queue.held_bytes() >= 4 << 20,
            "{} counted",
            queue.held_bytes()
        );
    }
}
