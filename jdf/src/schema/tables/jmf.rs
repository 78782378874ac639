//! Messages.

elements! { MESSAGES
JobPhase: Plain { Status ! Enum } []
}
