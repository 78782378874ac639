//! The bodies of requests, read within a budget that all of them share: what many machines send at once, or
//! one on purpose, must not take the memory of the agent.
//!
//! A message is far below [`SMALL_BODY_BYTES`] and takes nothing of the budget. A larger body, a ticket that comes
//! or comes back, takes its length before it is read, and gives it back when it has been answered; one that
//! does not tell its length takes the most that it may have until it is read. Whoever waits longer than
//! [`ROOM_WAIT`] is told to come again.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody as _};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::{BODY_BYTES_MAX, BODY_READ_LIMIT};

/// The largest Status of the field has some ten kilobytes. Thousands of connections with such a body
/// are less than the budget.
pub(super) const SMALL_BODY_BYTES: usize = 64 * 1024;
/// Four of the largest bodies, or hundreds of returned tickets as they are. Read as documents they take some
/// times as much for a moment, which the smallest machine of a plant (2 GiB) can bear.
const BUDGET_BYTES: usize = 4 * BODY_BYTES_MAX;
/// Shorter than devices wait for an answer, and long enough for what is being read to be answered.
const ROOM_WAIT: Duration = Duration::from_secs(10);

/// The budget; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Bodies(Arc<Semaphore>);

/// A whole body, with its part of the budget.
#[derive(Debug)]
pub(super) struct ReadBody {
    pub(super) bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

/// Why a body was not read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unread<T> {
    /// It was not to be read at all.
    TurnedAway(T),
    /// The budget was taken for too long.
    NoRoom,
    /// It did not come within [`BODY_READ_LIMIT`].
    Slow,
    /// It has no end, or is larger than [`BODY_BYTES_MAX`].
    TooLarge,
}

impl Bodies {
    pub(super) fn new() -> Self {
        Self::of(BUDGET_BYTES)
    }

    fn of(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes)))
    }

    /// Reads a body. `turn_away` is asked before one is read that is not small.
    pub(super) async fn read<T>(
        &self,
        body: Body,
        turn_away: impl FnOnce() -> Option<T>,
    ) -> Result<ReadBody, Unread<T>> {
        let told = body.size_hint().exact();
        let told = told.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let mut body = body.into_data_stream();
        let mut bytes = BytesMut::with_capacity(told.unwrap_or_default().min(SMALL_BODY_BYTES));
        if told.is_none_or(|told| told <= SMALL_BODY_BYTES)
            && fill(&mut bytes, &mut body, SMALL_BODY_BYTES).await?
        {
            let bytes = bytes.freeze();
            return Ok(ReadBody { bytes, _room: None });
        }
        let most = told.unwrap_or(BODY_BYTES_MAX);
        if most > BODY_BYTES_MAX {
            return Err(Unread::TooLarge);
        }
        if let Some(refusal) = turn_away() {
            return Err(Unread::TurnedAway(refusal));
        }
        let wanted = u32::try_from(most).map_err(|_| Unread::TooLarge)?;
        let room = timeout(ROOM_WAIT, self.0.clone().acquire_many_owned(wanted)).await;
        // Nobody closes the budget.
        let Ok(Ok(mut room)) = room else {
            return Err(Unread::NoRoom);
        };
        if !fill(&mut bytes, &mut body, BODY_BYTES_MAX).await? {
            return Err(Unread::TooLarge);
        }
        drop(room.split(most.saturating_sub(bytes.len())));
        Ok(ReadBody {
            bytes: bytes.freeze(),
            _room: Some(room),
        })
    }
}

/// Reads on until the end, or until there are more bytes than `most` (false).
async fn fill<T>(
    bytes: &mut BytesMut,
    body: &mut BodyDataStream,
    most: usize,
) -> Result<bool, Unread<T>> {
    let read = async {
        while let Some(frame) = body.next().await {
            bytes.extend_from_slice(&frame.map_err(|_| Unread::TooLarge)?);
            if bytes.len() > most {
                return Ok(false);
            }
        }
        Ok(true)
    };
    timeout(BODY_READ_LIMIT, read)
        .await
        .map_err(|_| Unread::Slow)?
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;

    const LARGE: usize = SMALL_BODY_BYTES + 1;

    fn sized(bytes: usize) -> Body {
        Body::from(vec![b' '; bytes])
    }

    /// A body that comes in pieces and does not tell its length.
    fn pieces(bytes: usize) -> Body {
        let pieces = vec![b' '; bytes];
        let pieces: Vec<_> = pieces.chunks(1_000).map(Bytes::copy_from_slice).collect();
        Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, Infallible>)))
    }

    async fn read(bodies: &Bodies, body: Body) -> Result<ReadBody, Unread<Infallible>> {
        bodies.read(body, || None).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_waits_for_room_until_others_are_answered_and_small_ones_do_not() {
        let bodies = Bodies::of(2 * LARGE);
        let first = read(&bodies, sized(LARGE)).await.unwrap();
        let _second = read(&bodies, sized(LARGE)).await.unwrap();
        assert_eq!(
            read(&bodies, sized(LARGE)).await.unwrap_err(),
            Unread::NoRoom
        );
        for small in [sized(SMALL_BODY_BYTES), pieces(SMALL_BODY_BYTES)] {
            let small = read(&bodies, small).await.unwrap();
            assert_eq!(small.bytes.len(), SMALL_BODY_BYTES);
        }
        let third = read(&bodies, sized(LARGE));
        let answered = async {
            tokio::time::sleep(ROOM_WAIT / 2).await;
            drop(first);
        };
        let (third, ()) = tokio::join!(third, answered);
        assert_eq!(third.unwrap().bytes.len(), LARGE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_of_untold_length_counts_as_the_largest_until_it_is_read() {
        let bodies = Bodies::of(BODY_BYTES_MAX);
        let first = read(&bodies, pieces(LARGE)).await.unwrap();
        assert_eq!(bodies.0.available_permits(), BODY_BYTES_MAX - LARGE);
        assert_eq!(
            read(&bodies, pieces(LARGE)).await.unwrap_err(),
            Unread::NoRoom
        );
        drop(first);
        assert_eq!(bodies.0.available_permits(), BODY_BYTES_MAX);
    }

    #[tokio::test]
    async fn a_large_body_that_is_not_wanted_or_too_large_is_not_read() {
        let bodies = Bodies::new();
        let refused = bodies.read(sized(LARGE), || Some("not you")).await;
        assert_eq!(refused.unwrap_err(), Unread::TurnedAway("not you"));
        assert!(bodies.read(sized(1), || Some("not you")).await.is_ok());
        let untold = bodies.read(pieces(LARGE), || Some("not you")).await;
        assert_eq!(untold.unwrap_err(), Unread::TurnedAway("not you"));
        for body in [sized(BODY_BYTES_MAX + 1), pieces(BODY_BYTES_MAX + 1)] {
            assert_eq!(read(&bodies, body).await.unwrap_err(), Unread::TooLarge);
        }
        assert_eq!(bodies.0.available_permits(), BUDGET_BYTES);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_gives_its_room_back() {
        let bodies = Bodies::new();
        let some = stream::iter([Ok::<_, Infallible>(Bytes::from(vec![b' '; LARGE]))]);
        let stuck = Body::from_stream(some.chain(stream::pending()));
        assert_eq!(read(&bodies, stuck).await.unwrap_err(), Unread::Slow);
        assert_eq!(bodies.0.available_permits(), BUDGET_BYTES);
    }
}
