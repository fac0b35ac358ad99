export function spearman(a: ArrayLike<number>, b: ArrayLike<number>): number;
