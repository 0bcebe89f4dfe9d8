// Files that the page shows as they are (web/build.mjs).
declare module '*.py' {
  const text: string;
  export default text;
}
