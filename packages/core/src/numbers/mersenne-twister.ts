/**
 * NumPy's legacy `RandomState`, as far as nnU-Net's published splits and voxel sampling need it: MT19937 seeded by
 * one integer, bounded integers by masked rejection, `shuffle`/`permutation`, and `choice` with replacement.
 *
 * Source of the algorithm: Matsumoto & Nishimura 1998. Checked against `splits.json`, made by scikit-learn.
 */
export class MersenneTwister {
  #state = new Uint32Array(624);
  /** What the state gives before it moves on. */
  #words = new Uint32Array(624);
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
    return this.#words[this.#index++]!;
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

  /**
   * How often `numpy.random.RandomState.choice(population, draws)` (with replacement) draws each of 0 … population − 1:
   * 10⁸ draws take a second, and no list of them is made.
   */
  choiceCounts(population: number, draws: number): Uint32Array {
    const counts = new Uint32Array(population);
    if (population === 1) return counts.fill(draws); // NumPy asks for no random bits then
    const mask = 0xffffffff >>> Math.clz32(population - 1);
    for (let left = draws; left > 0; ) {
      if (this.#index === 624) this.#refill();
      const words = this.#words;
      const end = Math.min(624, this.#index + left);
      for (let i = this.#index; i < end; i++) {
        const drawn = (words[i]! & mask) >>> 0;
        if (drawn >= population) continue;
        counts[drawn]!++;
        left--;
      }
      this.#index = end;
    }
    return counts;
  }

  #refill(): void {
    const s = this.#state;
    for (let i = 0; i < 624; i++) {
      const next = i < 623 ? i + 1 : 0;
      const y = (s[i]! & 0x80000000) | (s[next]! & 0x7fffffff);
      s[i] = s[i < 227 ? i + 397 : i - 227]! ^ (y >>> 1) ^ (-(y & 1) & 0x9908b0df);
    }
    for (let i = 0; i < 624; i++) {
      let y = s[i]!;
      y ^= y >>> 11;
      y ^= (y << 7) & 0x9d2c5680;
      y ^= (y << 15) & 0xefc60000;
      this.#words[i] = y ^ (y >>> 18);
    }
    this.#index = 0;
  }
}
