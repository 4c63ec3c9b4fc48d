//! Which calls a test means: by what they are, not by how many came before them.

use std::fmt;

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Counted from 0, over AWS and stores.
    pub number: usize,
    /// What is called: `DynamoDB.PutItem`, `SQS.SendMessage`, `Events.PutEvents`, `Store.get`, `Store.read`.
    pub operation: String,
    /// The tables or the queue it is about, by their names in `template.yaml`: `ControlTable`, `SyncQueue`.
    pub about: Vec<String>,
    /// The group of a message that is sent, if it has one.
    pub group: Option<String>,
}

/// Some of a wire's calls. A test that means calls which never come fails when their process ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calls {
    number: Option<usize>,
    operation: Option<&'static str>,
    about: Option<&'static str>,
    from: usize,
    to: usize,
    seen: usize,
}

const ALL: Calls = Calls { number: None, operation: None, about: None, from: 1, to: usize::MAX, seen: 0 };

/// Every call there is.
#[must_use]
pub fn any() -> Calls {
    ALL
}

/// Every call of an operation.
#[must_use]
pub fn every(operation: &'static str) -> Calls {
    Calls { operation: Some(operation), ..ALL }
}

/// The first call of an operation.
#[must_use]
pub fn first(operation: &'static str) -> Calls {
    every(operation).up_to(1)
}

/// The call of this number, counted from 0: for tests that go through all calls.
#[must_use]
pub fn at(number: usize) -> Calls {
    Calls { number: Some(number), ..ALL }
}

impl Calls {
    /// Those alone that are about this table or queue.
    #[must_use]
    pub fn about(self, name: &'static str) -> Self {
        Self { about: Some(name), ..self }
    }

    /// Of these the n-th alone, counted from 1.
    #[must_use]
    pub fn nth(self, number: usize) -> Self {
        self.from(number).up_to(number)
    }

    /// Of these the n-th and all that follow.
    #[must_use]
    pub fn from(self, number: usize) -> Self {
        Self { from: number, ..self }
    }

    /// Of these none after the n-th.
    #[must_use]
    pub fn up_to(self, number: usize) -> Self {
        Self { to: number, ..self }
    }

    /// Whether a call is among them. To be asked once of each call.
    pub fn take(&mut self, call: &Call) -> bool {
        let alike = self.number.is_none_or(|number| number == call.number)
            && self.operation.is_none_or(|operation| operation == call.operation)
            && self.about.is_none_or(|name| call.about.iter().any(|about| about == name));
        self.seen += usize::from(alike);
        alike && (self.from..=self.to).contains(&self.seen)
    }

    /// Whether one of them was made.
    #[must_use]
    pub fn came(&self) -> bool {
        self.seen >= self.from
    }
}

impl fmt::Display for Calls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            Some(number) => write!(formatter, "call {number}"),
            None => write!(formatter, "call {} of {}", self.from, self.operation.unwrap_or("any operation")),
        }?;
        self.about.map_or(Ok(()), |name| write!(formatter, " about {name}"))
    }
}
