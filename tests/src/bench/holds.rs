//! A hold of the office: how soon it blocks at a plant that is connected.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::figures::{Figures, Row};
use super::measure::{Bench, LIMIT};
use crate::support::wait;

/// Enough for a p95 that is not one outlier.
const HOLDS: usize = 50;

impl Bench {
    /// Holds one lot after the other in the office; the clock runs from the request until the plant refuses to use the lot.
    pub(super) async fn holds(&mut self) -> Result<Vec<Row>> {
        for index in 0..HOLDS {
            self.receive(&lot(index), "1000000").await?;
        }
        wait::until("the lots to reach the hub", LIMIT, async || {
            Ok((self.waiting().await? == 0).then_some(()))
        })
        .await?;
        let mut times = Vec::with_capacity(HOLDS);
        for index in 0..HOLDS {
            let start = Instant::now();
            self.hold_in_the_office(&lot(index)).await?;
            while !self.is_refused(&lot(index)).await? {
                ensure!(start.elapsed() < LIMIT, "{} is not held", lot(index));
            }
            times.push(start.elapsed());
        }
        Ok(vec![Row::new(
            "holds: placed in the office, until a draw at the plant is refused",
            Figures::of(times).text_up_to(95),
            format!("goal 1,000 ms; {HOLDS} holds"),
        )])
    }

    async fn hold_in_the_office(&self, lot: &str) -> Result<()> {
        let url = format!("{}/api/v1/inventory/lot/{lot}/hold", self.world.hub.url());
        let request = self
            .http
            .post(url)
            .bearer_auth(&self.token)
            .header("Idempotency-Key", format!("hold-{lot}"))
            .json(&json!({ "reason": "supplier recall" }));
        let answer = request.send().await?;
        let status = answer.status();
        ensure!(
            status.is_success(),
            "hold {lot}: {status} {}",
            answer.text().await?
        );
        Ok(())
    }

    /// Tries to use a sheet of a lot.
    async fn is_refused(&self, lot: &str) -> Result<bool> {
        let url = format!("{}/api/v1/lots/consume", self.plant.api_url()?);
        let body =
            json!({ "lot": lot, "quantity": { "amount": "1" }, "details": { "job": "Bench-2" } });
        let answer = self.http.post(url).json(&body).send().await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(false);
        }
        let problem: Value = answer.json().await.context("a problem")?;
        ensure!(
            problem["code"] == "lot-held",
            "consume {lot}: {status} {problem}"
        );
        Ok(true)
    }
}

fn lot(index: usize) -> String {
    format!("RECALLED-{index}")
}
