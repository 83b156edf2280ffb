//! A map from handles: the small numbers of a component's table.
//!
//! The task of a call waits for one or two things, and there may be thousands of such tasks; the task of a program waits for
//! thousands. So a few entries are searched, and many are a table.

/// How many entries are searched.
const FEW: usize = 8;

/// What is known of handles; of most of them nothing, which is `T`'s default.
#[derive(Default)]
pub(crate) struct Entries<T> {
    few: Vec<(u32, T)>,
    /// By handle, once there were many.
    many: Vec<T>,
}

impl<T: Default> Entries<T> {
    /// The entry of `handle`, which is made if there is none.
    pub(crate) fn entry(&mut self, handle: u32) -> &mut T {
        if self.many.is_empty() {
            let place = self.few.iter().position(|(other, _)| *other == handle);
            if place.is_some() || self.few.len() < FEW {
                let place = place.unwrap_or_else(|| {
                    self.few.push((handle, T::default()));
                    self.few.len() - 1
                });
                return &mut self.few[place].1;
            }
            for (other, entry) in std::mem::take(&mut self.few) {
                *in_table(&mut self.many, other) = entry;
            }
        }
        in_table(&mut self.many, handle)
    }

    /// The entry of `handle`, if there is one.
    pub(crate) fn get_mut(&mut self, handle: u32) -> Option<&mut T> {
        if self.many.is_empty() {
            return self.few.iter_mut().find(|(other, _)| *other == handle).map(|(_, entry)| entry);
        }
        self.many.get_mut(handle as usize)
    }

    /// Takes the entry of `handle`.
    pub(crate) fn take(&mut self, handle: u32) -> Option<T> {
        if self.many.is_empty() {
            let place = self.few.iter().position(|(other, _)| *other == handle)?;
            return Some(self.few.swap_remove(place).1);
        }
        self.many.get_mut(handle as usize).map(std::mem::take)
    }

    /// All entries, with their handles.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        let few = self.few.iter().map(|(handle, entry)| (*handle, entry));
        few.chain(self.many.iter().enumerate().map(|(handle, entry)| (handle as u32, entry)))
    }
}

fn in_table<T: Default>(table: &mut Vec<T>, handle: u32) -> &mut T {
    let place = handle as usize;
    if place >= table.len() {
        table.resize_with(place + 1, T::default);
    }
    &mut table[place]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_are_found() {
        for count in [1, FEW, FEW + 1, 100] {
            let mut entries = Entries::default();
            for handle in 0..count as u32 {
                *entries.entry(handle * 3) = handle;
                *entries.entry(handle * 3) += 1;
            }
            for handle in 0..count as u32 {
                assert_eq!(entries.get_mut(handle * 3), Some(&mut (handle + 1)));
            }
            assert_eq!(entries.iter().filter(|(_, entry)| **entry != 0).count(), count);
            assert_eq!(entries.take(0), Some(1));
            assert_eq!(entries.take(0).unwrap_or_default(), 0);
            assert_eq!(entries.get_mut(1_000_000), None);
        }
    }
}
