export function page() { return ''; }
