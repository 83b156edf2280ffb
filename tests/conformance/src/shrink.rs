//! Makes a program that shows a difference small.

use proptest::strategy::ValueTree;

use crate::compare::Difference;
use crate::program::Program;

/// How many smaller programs are tried from a tree; each takes about a millisecond.
const TRIES: usize = 3000;

/// The smallest program that still shows a difference, found from `tree`, which showed `difference`. `show` tells what a
/// program shows.
pub fn shrink(
    tree: impl ValueTree<Value = Program>,
    difference: Difference,
    mut show: impl FnMut(&Program) -> Option<Difference>,
) -> Difference {
    let difference = simplify(tree, difference, &mut show);
    leave_out(difference, &mut show)
}

/// Goes down the tree: fewer steps first, then simpler ones.
fn simplify(
    mut tree: impl ValueTree<Value = Program>,
    mut difference: Difference,
    show: &mut impl FnMut(&Program) -> Option<Difference>,
) -> Difference {
    let mut goes_on = tree.simplify();
    for _ in 0..TRIES {
        if !goes_on {
            break;
        }
        goes_on = match show(&tree.current()) {
            Some(smaller) => {
                difference = smaller;
                tree.simplify()
            }
            None => tree.complicate(),
        };
    }
    difference
}

/// Leaves out steps that the tree could not do without before the others became simple, and has the rest settle.
fn leave_out(mut difference: Difference, show: &mut impl FnMut(&Program) -> Option<Difference>) -> Difference {
    loop {
        let program = &difference.program;
        let without = (0..program.steps.len()).map(|place| {
            let mut steps = program.steps.clone();
            steps.remove(place);
            steps
        });
        let settling = (0..program.steps.len()).filter(|&place| !program.steps[place].settles).map(|place| {
            let mut steps = program.steps.clone();
            steps[place].settles = true;
            steps
        });
        let candidates: Vec<_> = without.chain(settling).map(|steps| Program::new(program.limit, steps)).collect();
        match candidates.iter().find_map(&mut *show) {
            Some(smaller) => difference = smaller,
            None => return difference,
        }
    }
}
