//! What a release build has: nothing.

/// No points at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct FaultPoints;

impl FaultPoints {
    /// Nothing is read.
    pub fn from_env() -> Self {
        Self
    }

    /// Goes on at once.
    #[inline(always)]
    pub async fn reach(&self, _name: &'static str) {}
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_has_no_size() {
        assert_eq!(size_of::<super::FaultPoints>(), 0);
    }
}
