// How web/ becomes src/gambol/app/web/static, and how its unit tests run.
// hatch_build.py runs this and passes --outDir.
import { defineConfig } from "vitest/config";

export default defineConfig({
  base: "./", // the page may live below any path of a proxy (--base-url)
  build: {
    outDir: "../src/gambol/app/web/static",
    emptyOutDir: true,
    target: "es2022",
    sourcemap: false,
    assetsInlineLimit: 0, // data: addresses are outside of default-src 'self'
    modulePreload: { polyfill: false },
  },
  test: { environment: "node", include: ["src/**/*.test.{ts,tsx}"] },
});
