/**
 * NumPy's legacy `RandomState`, as far as nnU-Net's published splits and voxel sampling need it: MT19937 seeded by
 * one integer, bounded integers by masked rejection, and `shuffle`/`permutation`.
 *
 * Source of the algorithm: Matsumoto & Nishimura 1998. Checked against `splits.json`, made by scikit-learn.
 */
export class MersenneTwister {
  #state = new Uint32Array(624);
  #index = 624;

  constructor(seed: number) {
    this.#state[0] = seed >>> 0;
    for (let i = 1; i < 624; i++) {
      const s = this.#state[i - 1]! ^ (this.#state[i - 1]! >>> 30);
      this.#state[i] = Math.imul(1812433253, s) + i;
    }
  }

  /** 32 random bits. */
  nextUint32(): number {
    if (this.#index === 624) this.#refill();
    let y = this.#state[this.#index++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** A uniform integer in [0, max], as NumPy draws it: the smallest covering mask, rejecting what exceeds `max`. */
  nextInterval(max: number): number {
    if (max === 0) return 0;
    const mask = 0xffffffff >>> Math.clz32(max);
    for (;;) {
      const value = (this.nextUint32() & mask) >>> 0;
      if (value <= max) return value;
    }
  }

  /** `numpy.random.RandomState.permutation(n)`. */
  permutation(n: number): Int32Array {
    const order = new Int32Array(n);
    for (let i = 0; i < n; i++) order[i] = i;
    for (let i = n - 1; i > 0; i--) {
      const j = this.nextInterval(i);
      const held = order[i]!;
      order[i] = order[j]!;
      order[j] = held;
    }
    return order;
  }

  #refill(): void {
    const s = this.#state;
    for (let i = 0; i < 624; i++) {
      const y = (s[i]! & 0x80000000) | (s[(i + 1) % 624]! & 0x7fffffff);
      s[i] = s[(i + 397) % 624]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#index = 0;
  }
}
