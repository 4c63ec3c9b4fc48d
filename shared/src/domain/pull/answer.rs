//! What a vendor's status means for the one who asked: whether to ask again, and whether the vendor is well.

/// What an answer, or that there was none, comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// It is one.
    Fine,
    /// The vendor is well, and asks for less.
    Busy,
    /// The vendor is not well, or cannot be reached.
    Down,
    /// The vendor is well, and refuses this request, now and later.
    Refused,
    /// The vendor has no such thing.
    Unsupported,
    /// The connection says the wrong place or key: every request would be refused.
    Misconfigured,
}

impl Class {
    /// That of a status.
    #[must_use]
    pub fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Fine,
            429 => Self::Busy,
            // The server does not know how, and will not learn it by being asked again.
            501 | 505 => Self::Unsupported,
            500..=599 => Self::Down,
            // 405 is how some vendors say that a key has no right to the method. A redirect that was not followed leads elsewhere.
            300..=399 | 401 | 403 | 405 | 407 => Self::Misconfigured,
            _ => Self::Refused,
        }
    }

    /// Whether the same request may do better later.
    #[must_use]
    pub fn may_pass(self) -> bool {
        matches!(self, Self::Busy | Self::Down)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_status_comes_to() {
        for (statuses, class) in [
            (&[200, 201, 204, 206][..], Class::Fine),
            (&[429], Class::Busy),
            (&[500, 502, 503, 504, 520, 599], Class::Down),
            (&[501, 505], Class::Unsupported),
            (&[301, 302, 304, 401, 403, 405, 407], Class::Misconfigured),
            (&[100, 400, 404, 408, 409, 410, 422, 425, 451, 600], Class::Refused),
        ] {
            for status in statuses {
                assert_eq!(Class::of_status(*status), class, "{status}");
            }
            assert_eq!(class.may_pass(), matches!(class, Class::Busy | Class::Down));
        }
    }
}
