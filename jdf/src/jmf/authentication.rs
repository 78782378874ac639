//! `RequestForAuthentication`: how two parties exchange certificates before they talk over https. Certificates
//! are carried as text (PEM); nothing here checks them.

use super::parameters::parameters;
use crate::amount::PartKeys;
use crate::state::{AuthenticationReason, AuthenticationType};

parameters! {
    /// Asks the other side to take a certificate (JDF 1.5, `RequestForAuthentication` command).
    AuthenticationCmdParams "AuthenticationCmdParams" {
        /// On which side of connections the certificate is used.
        authentication_type: Option<AuthenticationType> = "AuthenticationType",
        /// Why it is sent.
        reason: Option<AuthenticationReason> = "Reason",
        /// Why, for a person.
        reason_details: Option<String> = "ReasonDetails",
        /// The URL that the certificate is for.
        url: Option<String> = "URL",
    }
    + children {
        /// The certificates.
        certificates: Vec<String> = "Certificate",
        /// Which parts are meant.
        parts: Vec<PartKeys> = "Part",
    }

    /// Asks how the request stands (JDF 1.5, `RequestForAuthentication` query).
    AuthenticationQuParams "AuthenticationQuParams" {
        /// On which side of connections the certificate is used.
        authentication_type: Option<AuthenticationType> = "AuthenticationType",
    }

    /// The certificate of the side that was asked.
    AuthenticationResp "AuthenticationResp" {
        /// Where it takes messages over https.
        url: Option<String> = "URL",
    }
    + children {
        /// The certificates.
        certificates: Vec<String> = "Certificate",
    }
}
