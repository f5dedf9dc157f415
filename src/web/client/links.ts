/** Where the page sends people who want to know more. */
export const REPOSITORY = 'https://github.com/russellb/canhazgpu'
export const DOCUMENTATION = `${REPOSITORY}#readme`
