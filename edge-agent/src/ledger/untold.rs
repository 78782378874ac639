//! Facts of whoever has no message that comes again: told until the ledger has them, each once.

use tracing::error;

use super::{Append, AppendError, Ledger};

/// What the ledger has not taken yet. It keeps its inbox key: what was recorded although the answer said otherwise is recorded once.
#[derive(Debug, Default)]
pub(crate) struct Untold(Option<Append>);

impl Untold {
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> Option<&Append> {
        self.0.as_ref()
    }

    /// Tells what could not be told before, then what `next` gives, until that has nothing more. An error leaves the rest for the next
    /// time. What is refused would be refused again: it is logged, and must not keep back what follows.
    pub(crate) async fn tell(
        &mut self,
        ledger: &Ledger,
        mut next: impl FnMut() -> Option<Append>,
    ) -> Result<(), AppendError> {
        loop {
            if self.0.is_none() {
                self.0 = next();
            }
            // It stays here while it is told: the caller may be given up.
            let Some(append) = self.0.clone() else {
                return Ok(());
            };
            match ledger.append(append).await {
                Ok(_) => {}
                Err(AppendError::Refused(why)) => error!(
                    error = &why as &dyn std::error::Error,
                    "the ledger refuses {:?}", self.0
                ),
                Err(error) => return Err(error),
            }
            self.0 = None;
        }
    }
}
