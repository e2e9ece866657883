export function registerGradients(): void;
