export default {
    en: { 'data.about': '' },
    ru: { 'data.about': '' },
};
