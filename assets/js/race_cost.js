(() => { const T = window.Tokenscope; for (const n of ["race-cost"]) T.define(n, () => {}); })();
