export default {
    en: { 'runs.about': '' },
    ru: { 'runs.about': '' },
};
