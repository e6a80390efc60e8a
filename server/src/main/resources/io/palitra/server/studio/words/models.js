export default {
    en: { 'models.about': '' },
    ru: { 'models.about': '' },
};
