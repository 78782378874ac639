//! Pages: at most [`LIMIT_MAX`] items, and an opaque cursor to what comes after.
//!
//! A cursor is the sort key of the last item. It holds nothing secret and is not signed: row
//! security decides what a reader sees, whatever the cursor says.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::error::ApiError;

/// The most items of a page.
pub const LIMIT_MAX: u16 = 100;
/// The items of a page when nothing is said.
const LIMIT_DEFAULT: u16 = 50;

/// Which page.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// The most items, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u16>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// One page of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Ask for the next page with `?cursor=`; null at the end.
    pub next: Option<String>,
}

impl PageQuery {
    /// The sort key after which the page begins.
    pub fn after<K: DeserializeOwned>(&self) -> Result<Option<K>, ApiError> {
        let Some(cursor) = &self.cursor else {
            return Ok(None);
        };
        URL_SAFE_NO_PAD
            .decode(cursor)
            .ok()
            .and_then(|json| serde_json::from_slice(&json).ok())
            .map(Some)
            .ok_or_else(|| {
                ApiError::bad_request(
                    "bad-cursor",
                    "the cursor is not one that was given out here",
                )
            })
    }

    /// How many rows to ask the database for: one more than the page has, to see whether there
    /// is another page.
    pub fn fetch(&self) -> i64 {
        i64::from(self.limit()) + 1
    }

    /// Makes the page of the rows that [`PageQuery::fetch`] asked for.
    ///
    /// # Panics
    ///
    /// When a sort key is not plain data, which only a fault of an endpoint can make it.
    pub fn page<T, K: Serialize>(&self, mut rows: Vec<T>, key: impl Fn(&T) -> K) -> Page<T> {
        let limit = usize::from(self.limit());
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| has_more).map(|last| {
            let json = serde_json::to_vec(&key(last)).expect("sort keys are plain values");
            URL_SAFE_NO_PAD.encode(json)
        });
        Page { items: rows, next }
    }

    fn limit(&self) -> u16 {
        self.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX)
    }
}

impl<T> Page<T> {
    /// The same page in another form.
    pub fn map<U>(self, form: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(form).collect(),
            next: self.next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_with_a_cursor_only_when_there_is_more() {
        let query = PageQuery {
            limit: Some(2),
            cursor: None,
        };
        assert_eq!(query.fetch(), 3);
        let first = query.page(vec![1, 2, 3], |number| *number);
        assert_eq!(first.items, [1, 2]);
        let again = PageQuery {
            limit: Some(2),
            cursor: first.next,
        };
        assert_eq!(again.after::<i32>().unwrap(), Some(2));
        assert_eq!(again.page(vec![3], |number| *number).next, None);
    }

    #[test]
    fn a_page_never_has_more_than_100_items_and_a_made_up_cursor_is_refused() {
        let query = PageQuery {
            limit: Some(5_000),
            cursor: Some("%%".to_owned()),
        };
        assert_eq!(query.fetch(), 101);
        assert_eq!(query.after::<i32>().unwrap_err().code(), "bad-cursor");
    }
}
