//! Documents of which plant and hub have the same: what it takes to find that out at a connect.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::figures::{Figures, Row, milliseconds};
use super::measure::{Bench, LIMIT};
use crate::support::wait;

/// What a plant has after some years: each discussion of a hold is a document.
pub(super) const DOCUMENTS: usize = 10_000;

/// Holds of one lot; their discussions are the documents.
const HOLDS: usize = 100;

/// Lots on which people work at a time.
const ASKERS: usize = 16;

/// Connects that are measured.
const CONNECTS: usize = 5;

impl Bench {
    /// Makes documents, and has the agent connect and find them to be those of the hub.
    pub(super) async fn documents(&mut self, count: usize) -> Result<Vec<Row>> {
        let start = Instant::now();
        let documents = self.discussed(count.div_ceil(HOLDS)).await?;
        wait::until("the documents to reach the hub", LIMIT, async || {
            Ok((self.waiting().await? == 0).then_some(()))
        })
        .await?;
        let made = start.elapsed().as_secs_f64();
        let (mut times, mut requests, mut bytes) = (Vec::new(), 0.0, 0.0);
        for _ in 0..CONNECTS {
            self.plant.stop().await?;
            self.plant.start().await?;
            wait::until("the agent to have compared", LIMIT, async || {
                let same = r#"agog_documents_compared_total{outcome="same"}"#;
                let differ = r#"agog_documents_compared_total{outcome="differ"}"#;
                let differs = self.metric(differ).await? > 0.0;
                ensure!(!differs, "the documents are not the same");
                Ok((self.metric(same).await? > 0.0).then_some(()))
            })
            .await?;
            let seconds = self.metric("agog_documents_compared_seconds").await?;
            times.push(Duration::from_secs_f64(seconds));
            requests = self.metric("agog_documents_requests_total").await?;
            bytes = self.metric("agog_documents_bytes_total").await?;
        }
        let times = Figures::of(times);
        Ok(vec![Row::new(
            format!("documents: a no-change exchange over {documents} documents"),
            format!(
                "p50 {:.1} ms, at most {:.1} ms of {CONNECTS} connects",
                milliseconds(times.percentile(50)),
                milliseconds(times.percentile(100)),
            ),
            format!(
                "goal 1,000 ms; {requests} request of {bytes} bytes; made and delivered in {made:.1} s"
            ),
        )])
    }

    /// Discussions of the holds of so many lots, each with one comment; tells how many.
    async fn discussed(&self, lots: usize) -> Result<usize> {
        let mut askers = tokio::task::JoinSet::new();
        for asker in 0..ASKERS {
            let (api, http) = (self.plant.api_url()?, self.http.clone());
            askers.spawn(async move {
                for lot in (asker..lots).step_by(ASKERS) {
                    discussed(&http, &api, &format!("DISCUSSED-{lot}")).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = askers.join_next().await {
            done.context("an asker panicked")??;
        }
        Ok(lots * HOLDS)
    }
}

/// Receives a lot, holds it again and again, and says something about each hold.
async fn discussed(http: &reqwest::Client, api: &str, lot: &str) -> Result<()> {
    let ask = async |request: reqwest::RequestBuilder| -> Result<Value> {
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status.is_success(), "{lot}: {status} {text}");
        Ok(serde_json::from_str(&text)?)
    };
    let received =
        json!({ "number": lot, "material": "BOARD-300", "quantity": { "amount": "1000" } });
    let lots = format!("{api}/api/v1/lots");
    ask(http.post(format!("{lots}/receive")).json(&received)).await?;
    for hold in 0..HOLDS {
        let held = json!({ "lot": lot, "reason": format!("moisture, sample {hold}") });
        ask(http.post(format!("{lots}/hold")).json(&held)).await?;
    }
    let shown = ask(http.get(format!("{lots}/{lot}"))).await?;
    let holds = shown["lot"]["holds"]
        .as_array()
        .context("the holds of a lot")?;
    ensure!(holds.len() == HOLDS, "{lot} has {} holds", holds.len());
    for hold in holds {
        let hold_id = hold["hold_id"].as_str().context("the id of a hold")?;
        let url = format!("{api}/api/v1/documents/hold-discussion/{hold_id}");
        let said =
            json!({ "by": "Jane Smith", "edit": { "append": "4.2 % moisture, measured again" } });
        ask(http.patch(url).json(&said)).await?;
    }
    Ok(())
}
