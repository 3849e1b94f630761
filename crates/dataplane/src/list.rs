//! A list whose first few elements stand in place, so that ordinary answers allocate nothing.

/// Holds `N` elements in place and any more on the heap.
#[derive(Debug)]
pub(crate) struct List<T, const N: usize> {
    near: [Option<T>; N],
    count: usize,
    far: Vec<T>,
}

impl<T, const N: usize> Default for List<T, N> {
    fn default() -> List<T, N> {
        // Not `[const { None }; N]`, which copies a constant of the array's whole size.
        List { near: std::array::from_fn(|_| None), count: 0, far: Vec::new() }
    }
}

impl<T, const N: usize> List<T, N> {
    pub(crate) fn push(&mut self, element: T) {
        match self.near.get_mut(self.count) {
            Some(free) => {
                *free = Some(element);
                self.count += 1;
            }
            None => self.far.push(element),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> + '_ {
        self.near[..self.count].iter().flatten().chain(&self.far)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_holds_across_the_border() {
        let mut list = List::<u32, 2>::default();
        assert!(list.is_empty());
        (0..5).for_each(|number| list.push(number));
        assert_eq!(list.iter().copied().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    }
}
