//! Gathering the events of a moment into one turn.
//!
//! The host brings one event a turn, and looks what else has happened outside each time that it has its own. A task that yields
//! as long as that finds something is told of several at once, and does in one turn what it would do in as many. The last time
//! that it yields is in vain; where the first mostly is, with few connections, it is left out.

/// How many events are enough: with very many connections they pile up by themselves.
const ENOUGH: u32 = 8;

/// How many times in a row gathering is left out at most after it was in vain.
const LEFT_OUT: u32 = 31;

/// Whether a task yields before it does something about an event.
#[derive(Default)]
pub(crate) struct Gather {
    /// How many events there are while it is under way, else 0.
    events: u32,
    /// How often gathering was in vain, as a number of times to leave it out.
    vain: u32,
    left_out: u32,
}

impl Gather {
    /// The host has brought an event. Whether to yield first.
    pub(crate) fn begin(&mut self) -> bool {
        if self.left_out > 0 {
            self.left_out -= 1;
            return false;
        }
        self.events = 1;
        true
    }

    /// Whether the last turn was yielded.
    pub(crate) fn is_under_way(&self) -> bool {
        self.events > 0
    }

    /// Since it was yielded there are so many others. Whether to yield again.
    pub(crate) fn goes_on(&mut self, others: u32) -> bool {
        self.events += others;
        if others > 0 && self.events < ENOUGH {
            return true;
        }
        let in_vain = self.events == 1;
        self.vain = if in_vain { (self.vain * 2 + 1).min(LEFT_OUT) } else { 0 };
        self.left_out = self.vain;
        self.events = 0;
        false
    }

    /// Something is to be done at once.
    pub(crate) fn end(&mut self) {
        self.events = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_while_there_are_others() {
        let mut gather = Gather::default();
        assert!(gather.begin());
        assert!(gather.is_under_way() && gather.goes_on(1) && gather.goes_on(2));
        assert!(!gather.goes_on(0) && !gather.is_under_way());
        assert!(gather.begin(), "it was not in vain");
    }

    #[test]
    fn it_ends_when_there_are_enough() {
        let mut gather = Gather::default();
        assert!(gather.begin());
        assert_eq!((0..100).take_while(|_| gather.goes_on(1)).count(), ENOUGH as usize - 2);
        assert!(!gather.is_under_way());
        assert!(gather.begin() && !gather.goes_on(ENOUGH));
    }

    #[test]
    fn what_is_in_vain_is_left_out_more_and_more() {
        let mut gather = Gather::default();
        let mut events_between = || {
            let events = (0..100).take_while(|_| !gather.begin()).count();
            assert!(!gather.goes_on(0));
            events
        };
        assert_eq!([(); 8].map(|()| events_between()), [0, 1, 3, 7, 15, 31, 31, 31]);
    }
}
