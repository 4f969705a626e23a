//! The arguments of a script in one piece of memory: a batch has hundreds, and a string for each would cost more than the rest.

use redis::{Cmd, Script};
use uuid::Uuid;

/// Arguments, in order.
#[derive(Default)]
pub struct Args {
    text: String,
    ends: Vec<usize>,
}

impl Args {
    /// For so many.
    pub fn with_capacity(many: usize) -> Self {
        Self {
            text: String::with_capacity(20 * many),
            ends: Vec::with_capacity(many),
        }
    }

    /// One that is text.
    pub fn text(&mut self, word: &str) -> &mut Self {
        self.text.push_str(word);
        self.ends.push(self.text.len());
        self
    }

    /// One that is an id: as `to_string`, without the formatter.
    pub fn id(&mut self, id: Uuid) -> &mut Self {
        let mut buffer = Uuid::encode_buffer();
        self.text(id.hyphenated().encode_lower(&mut buffer))
    }

    /// One that is a number. Nearly all are small.
    pub fn number(&mut self, number: i64) -> &mut Self {
        match number {
            1 => self.text("1"),
            other => self.text(&other.to_string()),
        }
    }

    /// Request id and nonce of each take.
    pub fn takes(&mut self, takes: &[(Uuid, Uuid)]) -> &mut Self {
        for (request, nonce) in takes {
            self.id(*request).id(*nonce);
        }
        self
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| self.text.get(start..*end).unwrap_or_default())
    }
}

/// The call of a script that Redis may know already; `first` comes before the arguments.
pub fn call(script: &Script, keys: &[String], first: &str, args: &Args) -> Cmd {
    let mut cmd = redis::cmd("EVALSHA");
    cmd.arg(script.get_hash()).arg(keys.len()).arg(keys);
    cmd.arg(first);
    for word in args.words() {
        cmd.arg(word);
    }
    cmd
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_what_was_put_in() {
        let mut args = Args::with_capacity(2);
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        args.text("").number(1).number(-20).takes(&[(one, two)]);
        let words: Vec<&str> = args.words().collect();
        assert_eq!(words, ["", "1", "-20", &one.to_string(), &two.to_string()]);
    }
}
