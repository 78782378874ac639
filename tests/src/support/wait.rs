//! Waiting for a condition with a limit: the only way in which tests and demo wait.
//!
//! A wait that runs out says what was awaited and for how long, so that a failed test explains itself.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Short enough that a wait adds nothing one would notice, long enough to leave the processor to those awaited.
const POLL_EVERY: Duration = Duration::from_millis(10);

/// Asks again and again until `condition` gives a value.
///
/// `Ok(None)` means "not yet"; an error ends the wait at once, for things that cannot come right any more.
pub async fn until<T>(
    what: &str,
    limit: Duration,
    mut condition: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    let mut poll = tokio::time::interval(POLL_EVERY);
    poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        poll.tick().await;
        let left = limit.saturating_sub(start.elapsed());
        match tokio::time::timeout(left, condition()).await {
            Ok(answer) => {
                if let Some(value) = answer.with_context(|| format!("while waiting for {what}"))? {
                    return Ok(value);
                }
            }
            Err(_) => bail!("waited {:.1} s in vain for {what}", limit.as_secs_f64()),
        }
        if start.elapsed() >= limit {
            bail!("waited {:.1} s in vain for {what}", limit.as_secs_f64());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wait_ends_with_the_value_of_its_condition() {
        let mut asked = 0;
        let value = until("the third question", Duration::from_secs(5), async || {
            asked += 1;
            Ok((asked == 3).then_some(asked))
        })
        .await
        .unwrap();
        assert_eq!(value, 3);
    }

    #[tokio::test]
    async fn a_wait_in_vain_says_what_was_awaited() {
        let error = until("the tooth fairy", Duration::from_millis(30), async || {
            Ok(None::<()>)
        })
        .await
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "waited 0.0 s in vain for the tooth fairy"
        );
    }

    #[tokio::test]
    async fn a_condition_that_hangs_does_not_outlast_the_limit() {
        let error = until("an answer", Duration::from_millis(30), async || {
            std::future::pending::<Result<Option<()>>>().await
        })
        .await
        .unwrap_err();
        assert!(error.to_string().contains("an answer"));
    }
}
