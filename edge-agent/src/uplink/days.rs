//! Once a day, and after each start: whether the hub still has what it has taken (`agog_sync::days`).
//!
//! Days that are over and not counted yet are counted; what was not proven is compared with the hub, and so are the
//! [`PROVEN_AGAIN`] days that were compared longest ago, both sides counting their rows anew. A difference is an alarm here and
//! at the hub, told again each day until it is gone. A hub that does not know this is asked again the next day.

use std::convert::Infallible;
use std::time::Duration;

use agog_sync::days::{DayClaim, DayProof, DaySpan, DaysRequest, day_of, request_len};
use agog_sync::frame::PROTOCOL;
use jiff::civil::Date;
use reqwest::StatusCode;
use tracing::{debug, error, info, warn};

use super::hub::{Hub, HubError};
use super::{SessionError, http};
use crate::ledger::LedgerError;
use crate::ledger::days::{CountedDay, DayNews};
use crate::run::Agent;

/// How often it is looked whether a new day has begun. Plants that were started at different times ask at different times.
const LOOK_EVERY: Duration = Duration::from_mins(10);

/// Proven days that are counted again with each comparison: each day of a year once in two months.
const PROVEN_AGAIN: i64 = 7;

/// Compares for as long as the session lasts; `compared` is the day of the last comparison.
pub(super) async fn follow(
    agent: &Agent,
    hub: &Hub,
    compared: &mut Option<Date>,
) -> Result<Infallible, SessionError> {
    loop {
        let today = day_of(agent.clock.now());
        if *compared != Some(today) {
            drained(agent).await?;
            if compare(agent, hub, today).await? {
                *compared = Some(today);
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Waits until the hub has what there is now: delivery goes first.
async fn drained(agent: &Agent) -> Result<(), SessionError> {
    let mut position = agent.ledger.position();
    let goal = *position.borrow();
    position
        .wait_for(|now| now.epoch != goal.epoch || now.acknowledged >= goal.head.last_seq)
        .await
        .map_err(|_| LedgerError::Stopped)?;
    Ok(())
}

/// Counts and compares what is due; false when it is to be tried again soon.
async fn compare(agent: &Agent, hub: &Hub, today: Date) -> Result<bool, SessionError> {
    let ledger = &agent.ledger;
    while let Some(counted) = ledger.read(move |reader| reader.day_next(today)).await? {
        let news = vec![DayNews::Counted(counted.span, counted.proof)];
        ledger.days_news(news).await?;
    }
    let due = ledger
        .read(|reader| reader.days_to_compare(PROVEN_AGAIN))
        .await?;
    let mut rest = &due[..];
    let mut equal = 0;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(request_len(rest.iter().map(|day| day.span)));
        rest = later;
        match exchange(agent, hub, now.to_vec()).await {
            Ok(found) => equal += found,
            Err(SessionError::Hub(refused)) if is_unknown(&refused) => {
                debug!("the hub does not compare days yet");
                return Ok(true);
            }
            // The ledger goes on, whatever keeps the hub from counting.
            Err(SessionError::Hub(refused))
                if refused.problem().is_some() && !refused.is_refused_for_good() =>
            {
                warn!(
                    "days were not compared with the hub's: {}",
                    http::chain(&refused)
                );
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
    }
    if equal > 0 {
        info!("{equal} days and parts of days are the same here and at the hub");
    }
    Ok(true)
}

/// An older hub has no such endpoint.
fn is_unknown(error: &HubError) -> bool {
    error.problem().is_some_and(|(status, _)| {
        matches!(
            status,
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED
        )
    })
}

/// Compares as many days as one request may name; tells how many are equal.
async fn exchange(agent: &Agent, hub: &Hub, days: Vec<CountedDay>) -> Result<usize, SessionError> {
    let ledger = &agent.ledger;
    let counted = ledger.read(move |reader| {
        days.into_iter()
            .map(|day| {
                // What was counted just now needs not be counted again.
                let now = if day.is_compared {
                    reader.day_prove(&day.span)?
                } else {
                    day.proof
                };
                Ok((day, now))
            })
            .collect::<Result<Vec<_>, LedgerError>>()
    });
    let counted = counted.await?;
    let claims = counted.iter().map(|(day, proof)| DayClaim {
        span: day.span,
        proof: *proof,
    });
    let request = DaysRequest {
        protocol: PROTOCOL,
        days: claims.collect(),
    };
    let answer = hub.days(&request).await?;
    agent.health.hub_answered(agent.clock.now());
    let mut news = Vec::new();
    let mut equal = 0;
    for (day, now) in counted {
        let at_hub = answer.days.iter().find(|found| found.span == day.span);
        // The hub was set back, and gets it again.
        let Some(at_hub) = at_hub.and_then(|found| found.proof) else {
            continue;
        };
        let finding = finding(&day.span, &day.proof, &now, &at_hub);
        match &finding {
            None => equal += 1,
            Some(finding) => {
                error!("{finding}");
                agent.health.alarm(agent.clock.now(), finding.clone());
            }
        }
        news.push(DayNews::Compared(day.span, finding));
    }
    if !news.is_empty() {
        ledger.days_news(news).await?;
    }
    Ok(equal)
}

/// How a day differs, for people; none when both sides have what there was when it was over.
fn finding(
    span: &DaySpan,
    counted: &DayProof,
    now: &DayProof,
    at_hub: &DayProof,
) -> Option<String> {
    if counted == now && now.agrees_with(at_hub) {
        return None;
    }
    let side = |proof: &DayProof| {
        let fault = proof.fault.map_or_else(String::new, |seq| {
            format!(", event {seq} is missing or not as it was sealed")
        });
        format!(
            "{} events with {:.12}{fault}",
            proof.events,
            proof.hash.to_string()
        )
    };
    let since = if counted == now {
        String::new()
    } else {
        format!(", which were {} when the day was over", side(counted))
    };
    Some(format!(
        "day {} (epoch {}, events {} to {}) is not the same here and at the hub: here {}{since}; at the hub {}",
        span.day,
        span.epoch,
        span.first_seq,
        span.last_seq,
        side(now),
        side(at_hub),
    ))
}
